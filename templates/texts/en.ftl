# Texts of the hosted pages. Every catalogue has the same messages with the same placeholders; a test holds them to it.

sign-in = Sign in
sign-in-to-app = to continue to { $app }
sign-in-to-pool = to { $pool }
continue-with = Continue with { $provider }
more-methods = More ways to sign in
last-used = Last used
no-methods = No way to sign in is set up for this app. Please tell the people who run it.
email = Email address
email-invalid = Enter an email address such as name@example.com.
email-unknown = There is no sign-in for this address here. Check the address or use another method.
continue = Continue
or = or
choose-method = Choose how to sign in
choose-method-text = There are several ways to sign in for { $domain }.
another-method = Use another method
choose-account = Choose an account
continue-as = Continue as { $account }
another-account = Use another account

sign-out = Sign out
sign-out-question = Sign out?
sign-out-text = You are about to sign out of { $pool }.
signed-out = Signed out
signed-out-text = You are signed out of { $pool }. You can close this page.

departure = To { $provider }
departure-text = You are on your way. If nothing happens, press the button.

back-to-app = Back to { $app }
back-to-the-app = Back to the app
reference-help = If you ask for help, give this reference:
error-code = Code: { $code }

# The person signed in with an account that is not admitted.
error-account = This account is not admitted here
error-account-text = You signed in, but not with an account that may be used here. Choose another account, or ask the people who run the app.
error-wait = Please wait a moment
error-wait-text = More was asked for from here than is usual. Please wait a minute and try again.
error-sign-out = This sign-out did not work
error-sign-out-text = Nobody was signed out. Please sign out in the app that you used.
error-visitor = Please start again
error-visitor-text = This sign-in could not be continued. Go back to the app and start again in the same browser, with cookies allowed.
error-app = The app sent a request that cannot be answered
error-app-text = Nothing is wrong with your account. Please tell the people who run the app.
error-provider = The sign-in service you chose did not answer as expected
error-provider-text = Please try again in a moment, or choose another way to sign in.
error-pool = Signing in this way is not set up correctly
error-pool-text = Please tell the people who run the app.
error-busy = Signing in is not possible just now
error-busy-text = Please try again in a moment.
error-us = Something went wrong here
error-us-text = Please try again; if it stays so, tell the people who run the app.
