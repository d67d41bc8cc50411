"""Shared by the teacher and the students: settings, ratings, tiles, compiled loops, threads, work folder."""
