"""Those who do the jobs: workers, the process of a job, and who is told of its end."""
