"""Read whole replies: make results or errors of them."""
