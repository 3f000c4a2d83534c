"""What makes a record worth training on: stages that drop the others, each with its reason."""
