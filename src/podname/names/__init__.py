"""Floor 3: the compiler. Kubernetes objects in, ready answers out; this is where the meaning of names lives."""
