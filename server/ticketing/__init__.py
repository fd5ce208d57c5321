"""What a rider has in hand: the signed code of a ticket, the sheet it is printed on, the entry in a calendar."""
