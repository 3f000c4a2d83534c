"""Any agent through one endpoint: OpenAI's interface in front of the policy, token by token."""
