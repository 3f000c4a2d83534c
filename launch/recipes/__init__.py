"""The configs that come along: what each is for, what data it wants, and which forms it has."""
