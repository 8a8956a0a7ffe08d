"""What a team writes: deciders, views, money. Pure values: no clock, no randomness, no input or output."""
