"""Analysis of community group-buying: sales, purchase, loss, quality and upstream."""
