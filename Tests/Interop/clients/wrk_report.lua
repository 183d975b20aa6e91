-- What wrk has counted: responses by status and size, and those that it could not read. OUTRIDER_CONTENT: a file to POST.
local file = os.getenv("OUTRIDER_CONTENT")
if file then
  wrk.method = "POST"
  wrk.body = io.open(file, "rb"):read("*a")
end

local threads = {}
function setup(thread) table.insert(threads, thread) end

function init() seen = {} end

function response(status, headers, body)
  local key = status .. " " .. #body
  seen[key] = (seen[key] or 0) + 1
end

function done(summary)
  local errors = summary.errors
  for _, thread in ipairs(threads) do
    for key, count in pairs(thread:get("seen")) do print("seen " .. key .. " " .. count) end
  end
  print("errors " .. errors.connect + errors.read + errors.write + errors.timeout)
end
