require "sinatra"

get("/health") { "ok" }
get "/" do
  "hello from sinatra\n"
end
