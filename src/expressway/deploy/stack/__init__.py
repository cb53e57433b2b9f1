"""Apply, watch and delete one stack."""
