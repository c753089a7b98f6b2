"""Pages for people of outside, at the doors' address: each kind has its own, and none of them is of the desk."""
