"""Between bytes and requests: bodies, authentication, load shedding."""
