"""A budget in, a model out: what a model may weigh, what could weigh so little, and which of it is best."""
