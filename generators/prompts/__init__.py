"""What models are told: fixed strings, and the escaping of what stands in documents."""
