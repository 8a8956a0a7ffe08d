"""A real retailer's invoices, replayed through the public client and compared to the last unit and penny."""
