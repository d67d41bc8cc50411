"""Students: small packed models fitted to a teacher."""
