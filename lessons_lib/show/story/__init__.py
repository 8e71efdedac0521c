"""The story: lesson 00's claims, the evidence of the reader's own runs, the verdicts on both."""
