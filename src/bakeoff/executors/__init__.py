"""Load tools of others that can send the requests in place of our own engine, one file per tool."""
