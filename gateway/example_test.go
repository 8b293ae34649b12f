package gateway_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/signet-idp/signet/gateway"
)

// What docs/protect-an-api.md shows.
func Example() { //nolint:testableexamples // needs a server: that it compiles is the test
	v, err := gateway.New(context.Background(), gateway.Config{
		Issuer:       "https://id.example.com",
		Audience:     "https://api.example.com",
		ClientID:     "api-gateway",
		ClientSecret: os.Getenv("GATEWAY_SECRET"),
	})
	if err != nil {
		log.Print(err)
		return
	}
	defer v.Close()
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := gateway.FromContext(r.Context())
		fmt.Fprintln(w, claims.Subject, claims.OrgID, claims.Roles)
	})
	orders := v.Middleware(gateway.Scope("orders:read"))
	http.Handle("/orders/", orders(handler))
	admin := v.Middleware(gateway.Role("owner", "admin"), gateway.ACR("aal2"), gateway.MaxAge(10*time.Minute))
	http.Handle("/admin/", admin(handler))
	calm := v.Middleware(gateway.Stale(time.Minute, gateway.Accept))
	http.Handle("/catalogue/", calm(handler))
}
