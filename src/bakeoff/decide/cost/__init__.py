"""What targets cost, by the token, by the hour and for a traffic."""
