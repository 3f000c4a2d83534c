"""The image that boxes are made of: its inputs, its base, and how it is built and unpacked."""
