"""What is kept: the database with its tables, named things and files."""
