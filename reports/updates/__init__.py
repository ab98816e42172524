"""What leads say each week: drafted from the records, held against the rules, published with its facts."""
