"""Shared by the teacher and the students: settings, observed ratings, the work folder."""
