"""The evaluation service: durable jobs behind several REST dialects. No domain logic lives here."""
