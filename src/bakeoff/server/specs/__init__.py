"""What submitted specs may say, what their names stand for, and what can be done without a job."""
