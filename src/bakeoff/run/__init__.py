"""The only place where the parts meet: deploy, plan, send, score, decide, report, clean up."""
