Rails.application.routes.draw { get "up" => "rails/health#show", as: :rails_health_check }
