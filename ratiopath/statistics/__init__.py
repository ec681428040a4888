"""Statistics of the numbers inside the ROI of many windows: heat maps.

statistic     `Statistic`, the names that a user gives: mean, std, q95, share>=0.5
numbers       each statistic of rows of numbers
order         order statistics of rows: quantiles
measure       `WindowMeasure`, the engine: keeps chunks until the windows on them are complete
results       `Statistics`, the result
"""
