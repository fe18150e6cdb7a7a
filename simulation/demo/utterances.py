"""What people on a shop floor might say and write; made up here, every name and number in it is invented."""

from __future__ import annotations

from typing import Final

UTTERANCES: Final = (
    "what is my account balance",
    "how do i say good morning in spanish",
    "set an alarm for six tomorrow",
    "is it going to rain this afternoon",
    "schedule a meeting with the night shift",
    "what time is it in tokyo",
    "remind me to order gaskets on friday",
    "convert twenty inches to centimetres",
    "turn up the volume please",
    "how far is the airport",
    "my credit card was stolen",
    "what ingredients do i need for pancakes",
    "translate thank you into french",
    "what is on my to do list",
    "transfer fifty dollars to savings",
    "when is my next day off",
)

NOTES: Final = (
    "Please call Maria Keller at +49 30 5550 1234 about the spare pump.",
    "The invoice goes to thomas.berg@example.com, card 4111 1111 1111 1111.",
    "Anna Lindqvist from Uppsala reported a leak on line 3.",
    "Refund to IBAN DE89 3704 0044 0532 0130 00 for Peter Novak.",
    "Line 2 stopped twice during the night shift; no one was hurt.",
)
