"""Django's settings for the tests."""

SECRET_KEY = "for tests"
ROOT_URLCONF = "tests.site"
ALLOWED_HOSTS = ["testserver"]
MIDDLEWARE = ["signet_gateway.django.SignetMiddleware"]
INSTALLED_APPS = ["rest_framework"]
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["signet_gateway.rest_framework.SignetAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "UNAUTHENTICATED_USER": None,
}
USE_TZ = True
