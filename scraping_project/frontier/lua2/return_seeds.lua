-- Gives back the seeds that a worker has taken and not pushed.
local function return_seeds(token)
  while rcall('LMOVE', key('seeds', token), SEEDS, 'LEFT', 'RIGHT') do
    count('seeds returned')
  end
end
