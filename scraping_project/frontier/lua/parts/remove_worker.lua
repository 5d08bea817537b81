-- Takes a worker that holds nothing any more off the books.
local function remove_worker(token)
  rcall('UNLINK', key('worker', token), key('armed', token), key('leases', token), key('returning', token),
    key('permits', token))
  rcall('SREM', STARTING, token)
  rcall('ZREM', WORKERS, token)
end
