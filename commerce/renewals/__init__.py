"""Renewals: what becomes of a contract at the end of its term (docs/renewals.md; the rules are pricing.md 4.10).

What pages use:

- `reading.renewals_of(account)`: the company's renewals with contract, quote and successor, the soonest first. One
  query.
- `reading.view_of(renewal, today)`: one of them as the renewal centre shows it: lines with old and new price, the
  reason of the uplift, its dates as steps of a timeline, and what can still be done. Two queries.
- `reading.ahead_of(account, today)`: contracts whose renewal has not been opened yet, with its `Term`. One query.
- `reading.grace_of(account, today)`: the banner while a contract is in grace, or None. One query.
- `reading.board(first, until)`: what our people see of the terms that end in a period: `rows` (a queryset that can be
  filtered by `state` and `risk_band`), and by currency `figures` (due, renewed, GRR, NRR, forecast).
  `reading.earliness(rows)`: how many days before the end customers renewed, notified against not.
- `risk.set_risk(contract=, score=, actor=)` and `risk.band_of(score)`.

What customers decide (each takes `decision`, the `Decision` of commerce.contracts.amendments; raises its refusals):

- accepting is accepting the quote: lead to `commerce:quote` of `renewal.quote`.
- `deciding.renew_early(contract=, decision=)`: the offer now instead of 120 days before the end. Gives the renewal.
- `deciding.change(renewal=, quantities=, term_months=, decision=)`: another offer, with other quantities (by product
  code) or another term.
- `deciding.set_auto_renew(contract=, auto_renew=, decision=)`: until the notice date.
- `deciding.decline(renewal=, decision=)`: ends the contract with its term; with a reason.
- `deciding.talk(renewal=, decision=)`: tells the account's people the customer's words.
- `deciding.align(contracts=, master=, term_months=, decision=)`: several contracts end on one day from the next term.

What the job does is in `running.run_due(now=)`; which day is whose is pure, in `timeline`.
"""
