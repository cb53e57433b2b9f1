plugins {
    java
    id("org.springframework.boot") version "3.5.0"
    id("io.spring.dependency-management") version "1.1.7"
}

java { toolchain { languageVersion = JavaLanguageVersion.of(17) } }

dependencies { implementation("org.springframework.boot:spring-boot-starter-web") }
