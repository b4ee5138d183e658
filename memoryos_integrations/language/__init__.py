"""What is known of languages: words, dates, keywords, quoting. No state, no storage."""
