"""Endpoints asked over the network: requests sent, answers captured, judged as they come, kept, or drafted from."""
