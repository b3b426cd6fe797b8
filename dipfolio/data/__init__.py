"""What a strategy can see: prices, dividends, sessions, groups of symbols and dated events."""
