"""How much of an API's answer is read and told."""

DEFAULT_LIMIT = 100
"""Items of a list, where nobody says how many."""
LARGEST_LIMIT = 1000
ANSWER_BYTES = 7_900
"""Two thousand tokens or so: what an answer may cost; under 8 kB with the notes that a face adds."""
