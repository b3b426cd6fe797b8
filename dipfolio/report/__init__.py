"""What a person looks at: the summary, the tear sheet and where they are kept."""
