"""Records to text for people and machines; only `console` writes anywhere."""
