"""What writes about pictures, so that they are found: by a model on this machine, or behind an address."""
