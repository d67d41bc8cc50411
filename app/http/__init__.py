"""HTTP below the routes: request bodies, authentication, load shedding."""
