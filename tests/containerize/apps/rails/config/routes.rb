Rails.application.routes.draw do
  get "up" => "health#show"
  root "pages#show"
end
