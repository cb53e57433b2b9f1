require "sinatra/base"

class Shop < Sinatra::Base
  get("/health") { "ok" }
  get("/") { "hello from sinatra" }
end
