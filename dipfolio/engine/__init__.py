"""One strategy over one market: the contract, the account, the simulation, the audit and the record."""
