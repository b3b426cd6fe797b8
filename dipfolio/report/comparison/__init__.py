"""The comparison of several runs on one page."""
