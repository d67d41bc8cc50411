"""Arrow streams as request and response bodies of `/predict/batch`."""
