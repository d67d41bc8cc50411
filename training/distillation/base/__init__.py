"""What teachers and students share: settings, observed ratings, the work folder."""
