package oauth

import "github.com/ory/fosite"

// FositeConfig is the configuration of fosite that all requests share.
func FositeConfig(p *Provider) fosite.Configurator { return p.fosite.Config }
